#!/usr/bin/env python3
"""build.py FOLDER: the documents as one static site in FOLDER.

Its pages are README.md, CONTRIBUTING.md, CHANGELOG.md, docs/**/*.md and whatever in the
tree these link to. cmark-gfm makes HTML of Markdown exactly as GitHub does, so that a
document reads the same in both places (python3-markdown reads lists and tables its own
way); Pygments colours programs. All links are relative: the site works from the file
system, has no script, and loads nothing from elsewhere.
"""

import html
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pygments
import pygments.lexers
from pygments.formatters import HtmlFormatter

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
KINDS = {"tutorial": "Tutorial", "how-to": "How-to", "reference": "Reference",
         "explanation": "Explanation"}
MORE = ["CONTRIBUTING.md", "CHANGELOG.md"]
CONTENTS = "docs/README.md"


def place(path):
    """Where a file or folder of the tree is in the site."""
    if path == CONTENTS:
        return "contents.html"
    if (ROOT / path).is_dir():
        has_readme = (ROOT / path / "README.md").is_file()
        return place(path + "/README.md") if has_readme else path + "/index.html"
    if path.endswith(".md"):
        name = re.sub(r"^docs/", "", path)
        return re.sub(r"(^|/)README\.html$", r"\1index.html", name[:-3] + ".html")
    return path if is_picture(path) else path + ".html"


def is_picture(path):
    return path.endswith((".png", ".svg", ".jpg"))


def relative(target, page):
    return os.path.relpath(target, os.path.dirname(page) or ".")


def anchor_of(title, used):
    """The anchor of a heading, as GitHub makes it."""
    text = html.unescape(re.sub(r"<[^>]+>", "", title)).strip().lower()
    anchor = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))
    used[anchor] = used.get(anchor, -1) + 1
    return f"{anchor}-{used[anchor]}" if used[anchor] else anchor


def coloured(code, lexer):
    text = pygments.highlight(code, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    return text.replace("--&gt;", '<span class="shows">--&gt;</span>')


def lexer_of(language):
    try:
        return pygments.lexers.get_lexer_by_name(language or "text", ensurenl=False)
    except pygments.util.ClassNotFound:
        return pygments.lexers.get_lexer_by_name("text", ensurenl=False)


def is_drawing(code):
    return re.search(r"\+--|──", code) is not None


def block(match):
    """A block of code, in colours; a drawing shrinks instead of being wrapped."""
    language, code = match.group(1), html.unescape(match.group(2))
    if is_drawing(code):
        columns = max(map(len, code.split("\n")))
        return (f'<pre class="drawing" style="--columns:{columns}"><code>'
                f"{html.escape(code)}</code></pre>")
    return f"<pre><code>{coloured(code, lexer_of(language))}</code></pre>"


def table(match):
    """A table whose cells know their column's name, for screens that are too narrow."""
    text = match.group(0)
    names = [html.unescape(re.sub(r"<[^>]+>", "", name))
             for name in re.findall(r"<th[^>]*>(.*?)</th>", text, re.S)]

    def row(found):
        cells = iter(names)
        return re.sub(r"<td", lambda _: '<td data-label="%s"' % html.escape(
            next(cells, ""), quote=True), found.group(0))
    head, _, body = text.partition("</thead>")
    return head + "</thead>" + re.sub(r"<tr>.*?</tr>", row, body, flags=re.S)


class Page:
    """One page of the site: its file, its title, its HTML, its headings."""

    def __init__(self, path):
        self.path, self.place = path, place(path)
        self.links, self.headings, self.title = [], [], path
        self.body = ""

    def link(self, match):
        """A link of the tree as one of the site; what it leads to becomes a page."""
        attribute, target = match.group(1), html.unescape(match.group(2))
        if re.match(r"[a-z]+:|#", target):
            return match.group(0)
        name, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(self.path), name))
        if not (ROOT / path).exists() or path.startswith(".."):
            sys.exit(f"{self.path}: no such file: {target}")
        self.links.append(path)
        where = relative(place(path), self.place) + ("#" + anchor if anchor else "")
        return f'{attribute}="{html.escape(where, quote=True)}"'

    def with_dark(self, match):
        """A picture with its dark one, where there is NAME-dark.png beside NAME.png."""
        dark = match.group(1) + "-dark.png"
        if not (ROOT / os.path.dirname(self.path) / dark).is_file():
            return match.group(0)
        return ('<picture><source media="(prefers-color-scheme: dark)" '
                f'srcset="{dark}">{match.group(0)}</picture>')

    def heading(self, used):
        def with_anchor(match):
            level, title = match.group(1), match.group(2)
            if level == "1":
                self.title = re.sub(r"<[^>]+>", "", title)
            anchor = anchor_of(title, used)
            if level == "2":
                self.headings.append((anchor, re.sub(r"<[^>]+>", "", title)))
            mark = (f' <a class="anchor" href="#{anchor}" aria-label="Link to this '
                    'heading">#</a>' if level != "1" else "")
            return f'<h{level} id="{anchor}">{title}{mark}</h{level}>'
        return with_anchor

    def render(self):
        text = subprocess.run(
            ["cmark-gfm", "-e", "table", "-e", "autolink", "-e", "strikethrough",
             "--github-pre-lang", str(ROOT / self.path)],
            check=True, capture_output=True, text=True).stdout
        text = text.replace("<!-- raw HTML omitted -->\n", "")
        text = re.sub(r'<img src="([^"]*)\.png"[^>]*>', self.with_dark, text)
        text = re.sub(r'(href|src|srcset)="([^"]*)"', self.link, text)
        text = re.sub(r'<pre(?: lang="([^"]*)")?><code>(.*?)</code></pre>', block, text,
                      flags=re.S)
        text = re.sub(r"<table>.*?</table>", table, text, flags=re.S)
        self.body = re.sub(r"<h([1-6])>(.*?)</h\1>", self.heading({}), text, flags=re.S)


class Source(Page):
    """A program or another file that a document links to."""

    def render(self):
        code = (ROOT / self.path).read_text(encoding="utf-8")
        try:
            lexer = pygments.lexers.get_lexer_for_filename(self.path)
        except pygments.util.ClassNotFound:
            lexer = lexer_of("text")
        self.body = (f"<h1>{html.escape(self.path)}</h1>\n"
                     f"<pre><code>{coloured(code, lexer)}</code></pre>\n")


class Folder(Page):
    """A folder that a document links to: a list of its files."""

    def render(self):
        names = subprocess.run(["git", "ls-files", self.path + "/"], cwd=ROOT, text=True,
                               capture_output=True).stdout.split("\n")
        paths = [name for name in names if name] or sorted(
            str(each.relative_to(ROOT)) for each in (ROOT / self.path).rglob("*")
            if each.is_file())
        self.links = paths
        items = "".join(f'<li><a href="{relative(place(path), self.place)}">'
                        f"{html.escape(os.path.relpath(path, self.path))}</a></li>\n"
                        for path in paths)
        self.body = f"<h1>{html.escape(self.path)}/</h1>\n<ul>\n{items}</ul>\n"


def page_of(path):
    if path.endswith(".md"):
        return Page(path)
    return Folder(path) if (ROOT / path).is_dir() else Source(path)


def collect():
    """All pages by their path in the tree, and the pictures."""
    waiting = ["README.md", *MORE, *sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
    pages, pictures = {}, set()
    while waiting:
        path = waiting.pop(0)
        if (ROOT / path / "README.md").is_file():
            path += "/README.md"
        if is_picture(path):
            pictures.add(path)
        elif path not in pages:
            pages[path] = page_of(path)
            pages[path].render()
            waiting += pages[path].links
    return pages, pictures


def targets(text, folder):
    return [os.path.normpath(os.path.join(folder, target))
            for target in re.findall(r"\]\(([^)#]+)\)", text)]


def order(pages):
    """The navigation: (kind, [(group, [page])]), as docs/README.md lists them; a page
    that is not listed comes last in its folder."""
    listed = {}     # page -> (kind, group)
    kind = group = None
    for line in (ROOT / CONTENTS).read_text(encoding="utf-8").split("\n"):
        if line.startswith("## "):
            kind, group = line[3:].strip(), None
        elif line.startswith("### "):
            group = line[4:].strip()
        for path in targets(line, "docs"):
            listed.setdefault(path, (kind, group))
    reference = ROOT / "docs/reference/README.md"
    if reference.is_file():
        for path in targets(reference.read_text(encoding="utf-8"), "docs/reference"):
            listed.setdefault(path, (KINDS["reference"], None))
    listed = {path: where for path, where in listed.items() if path in pages}
    for path in pages:
        folder = re.match(r"docs/([\w-]+)/", path)
        if folder:
            listed.setdefault(path, (KINDS.get(folder.group(1), "More"), None))
        elif path.startswith("docs/") and path != CONTENTS:
            listed.setdefault(path, ("More", None))
    for path in MORE:
        listed.setdefault(path, ("More", None))
    kinds = {}
    for path, (kind, group) in listed.items():
        kinds.setdefault(kind, {}).setdefault(group, []).append(pages[path])
    return kinds


def navigation(kinds, current):
    def item(page):
        here = ' aria-current="page"' if page is current else ""
        text = (f'<li><a href="{relative(page.place, current.place)}"{here}>'
                f"{page.title}</a>")
        if page is current and len(page.headings) > 1:
            text += "<ul>" + "".join(f'<li><a href="#{anchor}">{title}</a></li>'
                                     for anchor, title in page.headings) + "</ul>"
        return text + "</li>\n"
    text = ""
    for kind, groups in kinds.items():
        text += f"<h2>{kind}</h2>\n"
        for group, pages in groups.items():
            text += f"<h3>{group}</h3>\n" if group else ""
            text += "<ul>\n" + "".join(map(item, pages)) + "</ul>\n"
    return text


def neighbours(kinds, current):
    """Links to the page before and the one behind."""
    line = [page for groups in kinds.values() for pages in groups.values()
            for page in pages]
    if current not in line:
        return ""
    at, text = line.index(current), ""
    for word, index in (("Before", at - 1), ("Next", at + 1)):
        if 0 <= index < len(line):
            text += (f'<a href="{relative(line[index].place, current.place)}">'
                     f"<small>{word}</small> {line[index].title}</a>\n")
    return f'<nav class="neighbours" aria-label="Before and next">\n{text}</nav>\n'


def whole(page, kinds, template):
    title = page.title if page.path != "README.md" else "Managed WebSockets for Lua"
    values = {
        "title": title, "body": page.body, "nav": navigation(kinds, page),
        "neighbours": neighbours(kinds, page),
        "root": relative("index.html", page.place),
        "contents": relative("contents.html", page.place),
        "style": relative("style.css", page.place),
    }
    return re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], template)


def main(folder):
    pages, pictures = collect()
    kinds = order(pages)
    template = (HERE / "page.html").read_text(encoding="utf-8")
    out = pathlib.Path(folder)
    shutil.rmtree(out, ignore_errors=True)
    for page in pages.values():
        where = out / page.place
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(whole(page, kinds, template), encoding="utf-8")
    for path in pictures:
        where = out / place(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, where)
    shutil.copyfile(HERE / "style.css", out / "style.css")
    print(f"{out}/index.html: {len(pages)} pages")


main(sys.argv[1])
