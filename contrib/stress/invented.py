"""What the makers of invented incidents write beside logs and metrics. No script of its own."""
import json
import os


def write_records(folder, files, changes, edges, truth):
    """Configurations by path, changes by time, the call graph (left out where there are no edges), and what happened."""
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        open(os.path.join(folder, path), "w").write(text)
    with open(os.path.join(folder, "changes.jsonl"), "w") as file:
        for change in sorted(changes, key=lambda c: c["time"]):
            file.write(json.dumps(change) + "\n")
    if edges:
        with open(os.path.join(folder, "topology.csv"), "w") as file:
            file.write("source,target\n" + "".join(f"{a},{b}\n" for a, b in edges))
    json.dump(truth, open(os.path.join(folder, "truth.json"), "w"))
