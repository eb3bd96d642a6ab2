// Keyboard shortcuts of the player. One box switches them off; they never act while one writes or chooses in a list.

/** Listen for the shortcuts of a player. */
export function bindKeys(player) {
  const actions = {
    " ": () => player.toggle(), k: () => player.toggle(), j: () => player.seek(player.clock.minute - 60), l: () => player.seek(player.clock.minute + 60),
    n: () => player.jump(false), b: () => player.jump(true), "[": () => step(player, -1), "]": () => step(player, 1), Escape: () => player.follow(null),
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !player.part("shortcuts").checked) return;
    if (e.target.closest("input:not([type=range]), select, textarea")) return;
    if (e.key === " " && e.target.closest("button, summary, a")) return; // the space bar is theirs
    const action = actions[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!action) return;
    e.preventDefault();
    action();
  });
}

function step(player, by) {
  player.clock.faster(by);
  player.setSpeed(player.clock.speed);
}
