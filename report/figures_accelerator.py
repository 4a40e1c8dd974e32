"""The accelerator as a picture: passes, memories under them, and who writes and reads what."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from edgetrack.export.accelerator.blocks import OUTPUT, Block, Memory, Reading
from edgetrack.report import theme

# All in inches: the drawing grows with the network, the letters stay.
CARD, CARD_HEIGHT, MEMORY, MEMORY_HEIGHT = 1.62, 0.86, 1.86, 0.56
PITCH, ROW, MARGIN = 2.32, 0.74, 0.12
TOP = 0.52  # room for the streams above the cards
KINDS = {"node": theme.QUANTISED, "edge": theme.PIECE, "sum": theme.FALSE}
LOOKS: dict[Reading, tuple[str | tuple[float, tuple[float, ...]], str]] = {
    "gathered": ("-", "any node in any lane"),
    "in rows": ((0, (4, 2)), "in rows"),
    "summed": ((0, (1, 1.2)), "sums, emptied by reading"),
}


def block_figure(name: str, blocks: Sequence[Block], memories: Sequence[Memory]) -> Markup:
    """Cards from left to right in the order of a graph's way; a memory stands below the card that writes it."""
    width = 2 * MARGIN + PITCH * (len(blocks) - 1) + MEMORY
    height = TOP + CARD_HEIGHT + 0.32 + ROW * len(memories) + 0.3

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(-height, 0)
        draw_blocks(axes, blocks, memories)
        draw_key(axes, -height + 0.12, {kind for memory in memories for _, kind in memory.readers})

    return theme.figure_svg(name, "Block diagram of the accelerator: passes and memories", (width, height), draw)


def draw_blocks(axes: Axes, blocks: Sequence[Block], memories: Sequence[Memory]) -> None:
    left = {block.name: MARGIN + index * PITCH for index, block in enumerate(blocks)}
    bottom = -TOP - CARD_HEIGHT
    ports = reader_ports(memories, left)
    for index, block in enumerate(blocks):
        draw_card(axes, left[block.name], block)
        if index:
            arrow(
                axes,
                (left[blocks[index - 1].name] + CARD, -TOP - CARD_HEIGHT / 2),
                (left[block.name], -TOP - CARD_HEIGHT / 2),
                theme.MUTED,
            )
    lowest = {memory.writer: row for row, memory in enumerate(memories)}
    for writer, row in lowest.items():
        x = left[writer] + 0.06
        axes.plot([x, x], [bottom, memory_middle(row)], color=theme.INK, linewidth=0.9, solid_capstyle="butt")
    for row, memory in enumerate(memories):
        middle, x = memory_middle(row), left[memory.writer] + 0.2
        arrow(axes, (left[memory.writer] + 0.06, middle), (x, middle), theme.INK)
        for reader, how in memory.readers:
            end = ports[row, reader, how]
            axes.plot(
                [x + MEMORY, end, end],
                [middle, middle, bottom - 0.09],
                color=KINDS[memory.kind],
                linewidth=1.2,
                linestyle=LOOKS[how][0],
            )
            arrow(axes, (end, bottom - 0.11), (end, bottom), KINDS[memory.kind])
        draw_memory(axes, x, middle, memory)


def reader_ports(memories: Sequence[Memory], left: dict[str, float]) -> dict[tuple[int, str, Reading], float]:
    """Where the line of each reading ends at its card: side by side, the highest memory's leftmost."""
    found: dict[tuple[int, str, Reading], float] = {}
    for card, x in left.items():
        readings = [
            (row, card, how) for row, memory in enumerate(memories) for name, how in memory.readers if name == card
        ]
        step = min(0.26, (CARD - 0.5) / max(len(readings), 1))
        found |= {reading: x + 0.32 + step * place for place, reading in enumerate(readings)}
    return found


def memory_middle(row: int) -> float:
    return -TOP - CARD_HEIGHT - 0.32 - ROW * (row + 0.5)


def draw_card(axes: Axes, x: float, block: Block) -> None:
    box = FancyBboxPatch(
        (x, -TOP - CARD_HEIGHT),
        CARD,
        CARD_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.05",
        facecolor=theme.PAPER,
        edgecolor=theme.INK,
        linewidth=1.0,
        zorder=3,
    )
    axes.add_patch(box)
    axes.text(x + 0.11, -TOP - 0.17, block.name, fontsize=9.5, weight="bold", va="center", zorder=4)
    for line, text in enumerate(block.lines):
        axes.text(x + 0.11, -TOP - 0.38 - 0.175 * line, text, fontsize=7.8, va="center", zorder=4)
    if block.stream:
        tail, head = (-TOP, -0.22) if block.name == OUTPUT else (-0.22, -TOP)
        arrow(axes, (x + 0.3, tail), (x + 0.3, head), theme.INK)
        axes.text(x + 0.42, -0.3, block.stream, fontsize=7.8, va="center")


def draw_memory(axes: Axes, x: float, middle: float, memory: Memory) -> None:
    colour = KINDS[memory.kind]
    for face, alpha in ((theme.PAPER, 1.0), (colour, 0.14)):
        axes.add_patch(
            FancyBboxPatch(
                (x, middle - MEMORY_HEIGHT / 2),
                MEMORY,
                MEMORY_HEIGHT,
                facecolor=face,
                boxstyle="square,pad=0",
                edgecolor="none",
                alpha=alpha,
                zorder=3,
            )
        )
    axes.plot(
        [x, x],
        [middle - MEMORY_HEIGHT / 2, middle + MEMORY_HEIGHT / 2],
        color=colour,
        linewidth=2.4,
        zorder=4,
        solid_capstyle="butt",
    )
    axes.text(x + 0.1, middle + 0.14, memory.value, fontsize=8.5, weight="bold", va="center", zorder=4)
    axes.text(x + MEMORY - 0.08, middle + 0.14, memory.lines[0], fontsize=7.6, va="center", ha="right", zorder=4)
    axes.text(x + 0.1, middle - 0.12, memory.lines[1], fontsize=7.6, va="center", zorder=4)


def draw_key(axes: Axes, y: float, used: set[Reading]) -> None:
    """What colours and lines mean."""
    x = MARGIN
    for kind, colour in KINDS.items():
        axes.plot([x, x + 0.16], [y, y], color=colour, linewidth=5, alpha=0.55, solid_capstyle="butt")
        axes.text(x + 0.24, y, f"{kind} memory", fontsize=7.8, va="center", color=theme.MUTED)
        x += 1.2
    for how, (style, meaning) in LOOKS.items():
        if how in used:
            axes.plot([x, x + 0.34], [y, y], color=theme.MUTED, linewidth=1.2, linestyle=style)
            axes.text(x + 0.42, y, f"read: {meaning}", fontsize=7.8, va="center", color=theme.MUTED)
            x += 0.75 + 0.068 * len(f"read: {meaning}")


def arrow(axes: Axes, tail: tuple[float, float], head: tuple[float, float], colour: str) -> None:
    axes.annotate(
        "",
        head,
        tail,
        arrowprops={
            "arrowstyle": "-|>,head_length=0.35,head_width=0.16",
            "color": colour,
            "linewidth": 1.0,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=5,
    )
