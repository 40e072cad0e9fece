"""A process's metrics of itself: readings of the kind `platform`, so that the same store and boards show them."""
