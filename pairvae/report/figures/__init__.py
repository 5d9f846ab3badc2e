"""What a run learnt, drawn with Plotly."""
