"""What a migration would do to a busy database, said before it runs.

source.py     bytes become text, or a refusal
parse.py      text becomes PostgreSQL's own parse tree, statement by statement
translate.py  a tree becomes the few kinds of statement the rules speak about (model.py)
state.py      what holds where a statement stands: objects made, locks held, the server's version
rules/        one rule per file, beside a migration that breaks it and one that keeps it
run.py        files, in parallel; one unreadable file hides nothing of the others
report.py     JSON, SARIF, GitHub annotations, words
"""
