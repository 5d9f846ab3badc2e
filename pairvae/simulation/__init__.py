"""Particles seen by X-rays and by neutrons: what a simulated pair of curves is made of."""
