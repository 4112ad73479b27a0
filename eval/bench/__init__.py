"""Speed, memory and exactness of the parts, each beside a baseline in the same run."""
