"""What can be measured of an input without a net, and what is wrong with it before one is asked."""
