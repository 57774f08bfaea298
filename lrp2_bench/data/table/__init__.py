"""Your own facts as tables: CSV, TSV, JSON lines or Parquet."""
