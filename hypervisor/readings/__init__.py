"""What ingest needs: batches stored whole, dead letters, codecs, workers."""
