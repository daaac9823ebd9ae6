"""HTML that cannot forget to escape."""

from lamppost.console.markup import join, tag


def test_a_text_is_escaped_and_an_element_is_not() -> None:
    """What came from outside is text; what `tag` made is markup."""
    assert tag("p", "<b>&", tag("b", "x")) == "<p>&lt;b&gt;&amp;<b>x</b></p>"


def test_an_attribute_cannot_end_itself() -> None:
    """A quote in a value stays in the value."""
    assert (
        tag("a", "x", href='"><script>', class_="y") == '<a href="&quot;&gt;&lt;script&gt;" class="y">x</a>'
    )


def test_a_false_attribute_is_left_out_and_a_true_one_stands_alone() -> None:
    """`hidden` is there or it is not."""
    assert tag("p", hidden=True, id=None, lang=False) == "<p hidden></p>"


def test_what_html_cannot_hold_is_shown_as_unknown() -> None:
    """A lone surrogate or a control character would break the page's encoding or its parser."""
    assert join("a\x00b\ud800") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"


def test_joined_markup_is_not_escaped_again() -> None:
    """Sections are built of sections."""
    assert tag("div", join(tag("b", "&"), None, 3)) == "<div><b>&amp;</b>3</div>"
