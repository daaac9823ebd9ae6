"""HTML that cannot forget to escape: every text is escaped unless an element made it."""

from html import escape


class Html(str):
    """Text that is markup already. Only `tag` and `join` make it."""

    __slots__ = ()


# In this order: nothing else goes between an element's tags.
Child = Html | str | int | None


def tag(name: str, *children: Child, **attributes: str | bool | None) -> Html:
    """`<name attributes>children</name>`. `class_` is class, `data_x` is data-x; None and False leave out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Children side by side, texts escaped."""
    return Html("".join(_text(child) for child in children if child is not None))


def _text(child: Html | str | int) -> str:
    return child if isinstance(child, Html) else escape(_visible(str(child)))


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(_visible(value))}"'


def _visible(text: str) -> str:
    """`text` without what HTML cannot hold: lone surrogates and control characters."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if "\ud800" <= char <= "\udfff" or (char < " " and char not in "\n\t")
        else char
        for char in text
    )
