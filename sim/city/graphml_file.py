"""The text of a GraphML file: nodes, edges and their attributes, each with its line, the standard's defaults laid in.

Nothing is understood here: values stay text, and what an attribute means is the business of ``sim.city.graphml``.
Nested graphs, hyperedges and undirected graphs are refused; ports are passed over.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from sim.errors import InputError

if TYPE_CHECKING:
    import networkx as nx

_GZIP = b"\x1f\x8b"


@dataclass(eq=False)
class GraphText:
    """A directed graph as a file has it.

    Parameters
    ----------
    attributes
        Of the graph.
    nodes, edges
        Names, and pairs of names, in the order of the file.
    node_data, edge_data
        Their attributes.
    node_line, edge_line
        1-based lines of their tags; 0 where there is no file.
    defaults
        (domain, attribute, value) -> how many elements took the default of a key.
    undirected
        Edges that the file calls undirected; each stands here once in either direction.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    node_data: list[dict[str, Any]] = field(default_factory=list)
    node_line: list[int] = field(default_factory=list)
    edges: list[tuple[Any, Any]] = field(default_factory=list)
    edge_data: list[dict[str, Any]] = field(default_factory=list)
    edge_line: list[int] = field(default_factory=list)
    defaults: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    undirected: int = 0

    @classmethod
    def of(cls, graph: nx.MultiDiGraph) -> GraphText:
        """Return a graph of networkx in this form."""
        edges = list(graph.edges(data=True))
        return cls(
            dict(graph.graph), list(graph.nodes), [dict(data) for _, data in graph.nodes(data=True)],
            [0] * graph.number_of_nodes(), [(a, b) for a, b, _ in edges], [dict(data) for *_, data in edges],
            [0] * len(edges),
        )  # fmt: skip


def read_text_graph(path: Path) -> GraphText:
    """Read a GraphML file, plain or gzip.

    Raises
    ------
    InputError
        On a missing, damaged or cut file, XML that is no GraphML, and graphs that are undirected, nested or several.
    """
    parser = DefusedExpatParser(namespaceHandling=0, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    handler = _Handler(path, parser)
    parser.setContentHandler(handler)
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == _GZIP
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                parser.feed(piece)
        parser.close()
    except FileNotFoundError as error:
        raise InputError("no such file", file=path, allowed="a GraphML file that exists") from error
    except DefusedXmlException as error:
        raise InputError("the file declares entities", file=path, allowed="GraphML without entities") from error
    except SAXParseException as error:
        raise InputError(
            "not a complete GraphML file", file=path, line=error.getLineNumber(), found=error.getMessage(),
            allowed="whole XML",
        ) from error  # fmt: skip
    except (OSError, EOFError, zlib.error, LookupError, ValueError) as error:
        raise InputError("not a readable GraphML file", file=path, found=str(error)[:120]) from error
    return handler.finished()


@dataclass
class _Key:
    """An attribute that a file declares."""

    domain: str
    name: str
    default: str | None = None


class _Handler(ContentHandler):
    """Keeps the attributes of the graph, its nodes and its edges."""

    def __init__(self, path: Path, parser: DefusedExpatParser) -> None:
        super().__init__()
        self.path, self.parser, self.graph = path, parser, GraphText()
        self.keys: dict[str, _Key] = {}
        self.stack: list[str] = []
        self.owner: list[dict[str, Any]] = []
        self.key: _Key | None = None
        self.data_key = ""
        self.text: list[str] = []
        self.graphs = 0
        self.both_ways: list[int] = []

    def line(self) -> int:
        """Return the line that is being read."""
        return int(self.parser.getLineNumber() or 1)

    def refuse(self, problem: str, found: object = None, allowed: object = None, name: str | None = None) -> None:
        """Stop with one sentence about the present line."""
        raise InputError(problem, file=self.path, line=self.line(), field=name, found=found, allowed=allowed)

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """Begin an element."""
        name = name.rpartition(":")[2]
        if not self.stack and name != "graphml":
            self.refuse("not a GraphML file", f"its root is <{name}>", "<graphml>")
        if name == "graph":
            self.begin_graph(attrs)
        elif name == "key":
            self.key = _Key(attrs.get("for", "all"), attrs.get("attr.name", attrs.get("id", "")))
            self.keys[attrs.get("id", "")] = self.key
        elif name == "node":
            self.graph.nodes.append(self.need(attrs, "id"))
            self.graph.node_line.append(self.line())
            self.graph.node_data.append({})
            self.owner.append(self.graph.node_data[-1])
        elif name == "edge":
            self.begin_edge(attrs)
        elif name == "hyperedge":
            self.refuse("the graph has a hyperedge", name="hyperedge", allowed="edges between two nodes")
        elif name in ("data", "default"):
            self.data_key, self.text = attrs.get("key", ""), []
        self.stack.append(name)

    def begin_graph(self, attrs: AttributesImpl) -> None:
        """Begin the one graph of a file."""
        self.graphs += 1
        if self.graphs > 1:
            self.refuse("the file holds more than one graph", name="graph", allowed="one graph, none within a node")
        way = attrs.get("edgedefault", "")
        if way != "directed":
            self.refuse(
                "the graph is not directed", way, "directed: a two-way street is two edges, one in each direction",
                "edgedefault",
            )  # fmt: skip
        self.owner.append(self.graph.attributes)

    def begin_edge(self, attrs: AttributesImpl) -> None:
        """Begin an edge; an undirected one is kept for the way back."""
        if attrs.get("directed", "true").lower() in ("false", "0"):
            self.both_ways.append(len(self.graph.edges))
        self.graph.edges.append((self.need(attrs, "source"), self.need(attrs, "target")))
        self.graph.edge_line.append(self.line())
        self.graph.edge_data.append({})
        self.owner.append(self.graph.edge_data[-1])

    def need(self, attrs: AttributesImpl, name: str) -> str:
        """Return an attribute that must be there."""
        if name not in attrs:
            self.refuse("an element lacks an attribute", name=name, allowed=f"'{name}' of every node and edge")
        return str(attrs[name])

    def characters(self, content: str) -> None:
        """Take text."""
        if self.stack and self.stack[-1] in ("data", "default"):
            self.text.append(content)

    def endElement(self, name: str) -> None:
        """End an element."""
        name = name.rpartition(":")[2]
        self.stack.pop()
        if name == "default" and self.key is not None:
            self.key.default = "".join(self.text).strip()
        elif name == "key":
            self.key = None
        elif name == "data" and self.owner and self.stack[-1] in ("graph", "node", "edge"):
            key = self.keys.get(self.data_key)
            title, value = (key.name if key else self.data_key), "".join(self.text).strip()
            if self.owner[-1].setdefault(title, value) != value:
                self.refuse("an attribute stands twice", value, f"{self.owner[-1][title]!r} alone", title)
        elif name in ("node", "edge", "graph") and self.owner:
            self.owner.pop()

    def finished(self) -> GraphText:
        """Lay the defaults of keys over what does not state its own, and return the graph."""
        graph = self.graph
        if not self.graphs:
            raise InputError("the file holds no graph", file=self.path, allowed="one graph")
        several = (("node", graph.node_data), ("edge", graph.edge_data), ("graph", [graph.attributes]))
        for domain, owners in several:
            for key in self.keys.values():
                if key.default is None or key.domain not in (domain, "all"):
                    continue
                lacking = [owner for owner in owners if key.name not in owner]
                for owner in lacking:
                    owner[key.name] = key.default
                if lacking:
                    graph.defaults[domain, key.name, key.default] += len(lacking)
        for k in self.both_ways:
            graph.edges.append(graph.edges[k][::-1])
            graph.edge_data.append(graph.edge_data[k])
            graph.edge_line.append(graph.edge_line[k])
        graph.undirected = len(self.both_ways)
        return graph
