"""Parts of pages: each keeps what a browser has of it, and says what has to be drawn anew."""
