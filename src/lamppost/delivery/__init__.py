"""How a message leaves: signed, its address vetted, sent, and judged by what came back."""
