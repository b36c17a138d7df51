"""What a person or a program sees: console, plain text, NDJSON."""
