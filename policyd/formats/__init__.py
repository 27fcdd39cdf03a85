"""What commands print: report formats, which `available` lists, JSON documents, tables."""
