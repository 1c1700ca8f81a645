"""What CRMs send: connections and deliveries."""
