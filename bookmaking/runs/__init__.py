"""What the chapters' runs gave: checked, collected for the pages, turned into pages."""
