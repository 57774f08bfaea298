"""What `lrp2-bench analyze` can look into, one file an analysis."""
