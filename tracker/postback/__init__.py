"""Read and check a postback."""
