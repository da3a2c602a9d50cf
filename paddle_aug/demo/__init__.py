"""The page to play with: `paddle-aug demo`, and app.gradio.py for AI Studio.

What it draws is made by functions of images and numbers that know nothing of Gradio; only page.py
does.
"""
