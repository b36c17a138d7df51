"""What is known of every server's native options beyond what the server says itself: one file a server."""
