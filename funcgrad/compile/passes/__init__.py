"""What a program goes through before a backend sees it."""
