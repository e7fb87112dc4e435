"""A page as its parser sees it, for assertions on structure rather than on strings."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "input"}
LOADING = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "background"}


class Page(HTMLParser):
    """Elements, text and addresses of a page; raises when tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open) and data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """Everything a reader sees, on one line."""
        return " ".join(self.texts)

    @property
    def addresses(self) -> list[str]:
        """Every attribute that can make a browser fetch or follow something."""
        return [v or "" for _, attrs in self.tags for name, v in attrs.items() if name in LOADING]

    def count(self, tag: str) -> int:
        """How many elements of this kind there are."""
        return sum(name == tag for name, _ in self.tags)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of this kind."""
        return [attrs for name, attrs in self.tags if name == tag]
