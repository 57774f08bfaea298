"""Encoder-decoders: T5, mT5 and umT5. The encoder is the model that is intervened in; the decoder scores objects.

A query has a sentinel, ``<extra_id_0>``, in its object's place, and the decoder is to write ``<extra_id_0> object
<extra_id_1>`` (span corruption, Raffel et al. 2020, section 3.1.4). Layers are the encoder's blocks; what the decoder
is given in a layer pair differs by the encoder's states alone.
"""
