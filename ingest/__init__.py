"""broker -> message -> decoded -> checked -> stored -> acknowledged."""
