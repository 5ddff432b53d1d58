"""What each command does; heavy libraries are imported by the steps that use them."""
