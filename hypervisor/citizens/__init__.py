"""What citizens read and receive: the public page, a strip for other sites, subscriptions."""
