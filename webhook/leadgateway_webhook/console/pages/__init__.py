"""The pages: one module each, which reads what it shows and gives it to a template. Acts are POSTs."""
