"""What is done to the pages after they are built: made light, joined into one for print."""
