"""How well check, watch and diagnosis find planted faults, and how seldom they disturb."""
