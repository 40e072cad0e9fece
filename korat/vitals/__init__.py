"""What a process says of itself: readings of the kind `platform`, so that the same store and boards show them."""
