"""The data behind each view of the report: tables in, tables and arrays out, nothing drawn."""
