"""What commands print: for each kind of document, its formats, which `available` lists."""
