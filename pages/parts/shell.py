"""The HTML that a browser gets before anything else: Streamlit's own, and what makes the first page come sooner.

Streamlit's document names only what every app needs. The code of each kind of widget is asked for when the first such
widget arrives, one round of requests after the other; and from the address of a page the browser first looks for the
server below that address, where there is none. The document of a page therefore names the widgets that pages begin
with, and where the server is; it shuts the drawer of pages behind whoever chose one, keeps the way back short, and the
theme the same on all pages. What is not found in Streamlit's files is left out: then a page is slower, not broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

STATIC = Path(streamlit.__file__).parent / "static"
SCRIPTS = STATIC / "static" / "js"
# Streamlit's names of the elements that pages begin with.
ELEMENTS = (
    "Html", "Button", "ButtonGroup", "NumberInput", "Selectbox", "Checkbox", "DownloadButton", "ImageList", "Metric",
    "PageLink", "Pagination", "Progress", "TextInput", "Toast",
)  # fmt: skip
CHART = "PlotlyChart"
IMPORTED = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
HEAD = 8_192
# The server lies where the page does, whatever stands before its path; the files above are found in the same way.
SERVER = """<script>
window.__streamlit = {...window.__streamlit, BACKEND_BASE_URL: new URL(".", location.href).href};
</script>"""
# On a narrow screen the pages are named in a drawer, which Streamlit leaves open over the page that was chosen.
DRAWER = """<script>
const shut = () => {
  const button = document.querySelector("[data-testid=stSidebarCollapseButton] button[aria-expanded=true]");
  button?.click();
  return button !== null;
};
const opens = () => document.querySelector("[data-testid=stExpandSidebarButton]");
addEventListener("click", event => event.target.closest?.("[data-testid=stSidebarNavLink]") && shut());
addEventListener("keydown", event => event.key === "Escape" && shut() && setTimeout(() => opens()?.focus(), 300));
</script>"""
# One press is one step back, whatever is written into the address after it: Streamlit empties the address before it
# goes to another page, which writes its run or form there. Also where something was pressed meanwhile, no steps are
# what a page that was reached by the menu writes first, what is set on Optimize, and each change of a network of one's
# own on Architecture. Another page, and a comparison in the place of the gallery, are read from their top.
ADDRESS = r"""<script>
const push = history.pushState;
const named = place => [...new URLSearchParams(place.search).keys()].filter(name => name !== "tour").join();
const has = (place, name) => new URLSearchParams(place.search).has(name);
let isPressed = false;
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { isPressed = true; }, true);
addEventListener("popstate", () => { isPressed = false; }, true);
history.pushState = function (state, title, url) {
  const to = new URL(url, location.href);
  const isOther = to.pathname !== location.pathname || has(to, "compare") !== has(location, "compare");
  if (isOther) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
  const isForm = /\/(optimize)?$/.test(to.pathname) || (has(to, "network") && has(location, "network"));
  const isFirst = !named(location) && ["", "study"].includes(named(to));
  const isOwn = to.pathname === location.pathname && (isForm || isFirst);
  (isPressed && !isOwn ? push : history.replaceState).call(this, state, title, url);
  isPressed &&= isOwn;
};
</script>"""
# The panel of a layer that was folded stays so when another layer is chosen, and on a telephone, where it lies over the
# diagram, it is folded at first. One that is new says that it is open.
FOLD = r"""<script>
const narrow = matchMedia("(max-width: 640px)");
let isFolded = narrow.matches;
narrow.addEventListener("change", () => {
  for (const panel of document.querySelectorAll(".layer-fold")) panel.open = !narrow.matches;
});
addEventListener("toggle", ({target: panel}) => {
  if (!panel.matches?.(".layer-fold")) return;
  if ("known" in panel.dataset) isFolded = !panel.open;
  else if (isFolded) panel.open = false;
  panel.dataset.known = "";
}, true);
</script>"""
# Streamlit keeps the theme that was chosen for each address by itself: here it is one for all pages.
THEME = r"""<script>
for (const name of ["getItem", "setItem"]) {
  const own = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...value) {
    return own.call(this, String(key).replace(/^stActiveTheme-.*-v/, "stActiveTheme-v"), ...value);
  };
}
</script>"""
# Charts are half a second of work for a browser: done while it waits for the server, or when nothing else is to do.
WHEN_IDLE = """<script>addEventListener("load", () => setTimeout(() => {{
  if (!navigator.connection?.saveData) (window.requestIdleCallback ?? (f => f()))(() => import("./static/js/{name}"));
}}, {wait_ms}))</script>"""
LATER_MS = 3000


def document(charts: bool, _request: Request) -> Response:
    """The document of a page; `charts` tells whether it begins with some."""
    return HTMLResponse(text_of(charts), headers={"Cache-Control": "no-cache"})


@cache
def text_of(charts: bool) -> str:
    """The document of pages that begin with charts, or that do not; made once in a process."""
    parts = [
        SERVER,
        DRAWER,
        ADDRESS,
        FOLD,
        THEME,
        links((*ELEMENTS, CHART) if charts else ELEMENTS),
        *(WHEN_IDLE.format(name=name, wait_ms=0 if charts else LATER_MS) for name in scripts((CHART,))),
    ]
    return _index().replace("</head>", f"{''.join(parts)}</head>", 1)


@cache
def _index() -> str:
    return (STATIC / "index.html").read_text(encoding="utf-8")


def links(elements: tuple[str, ...]) -> str:
    """Links to the code of the elements and to all that it imports, as far as the document does not name it already."""
    known = set(re.findall(r"static/js/([\w.-]+\.js)", _index()))
    files = [name for name in _closure(sorted(scripts(elements))) if name not in known]
    return "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in files)


def scripts(elements: Sequence[str]) -> Iterator[str]:
    """Files of these elements; their names end with a hash of the content."""
    for element in elements:
        yield from (file.name for file in SCRIPTS.glob(f"{element}.*.js"))


def _closure(names: Sequence[str]) -> list[str]:
    """These files and whatever they import; imports stand at the beginning of a file."""
    found = dict.fromkeys(names)
    queue = list(found)
    while queue:
        with (SCRIPTS / queue.pop()).open(encoding="utf-8") as file:
            imported = [name for name in IMPORTED.findall(file.read(HEAD)) if name not in found]
        there = [name for name in imported if (SCRIPTS / name).is_file()]
        found.update(dict.fromkeys(there))
        queue += there
    return list(found)
