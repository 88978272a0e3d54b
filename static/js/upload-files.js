// The chosen files with their paths: of a file control, of a folder, and of a drop with its folders.

export function chosenFiles(control) {
  return [...control.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

export async function droppedFiles(drop) {
  // Entries must be read before the first await: the browser empties the drop afterwards.
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...drop.files].map((file) => ({ file, path: file.name }));
  const files = await Promise.all(entries.map(filesUnder));
  return files.flat();
}

async function filesUnder(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  const children = await allEntries(entry.createReader());
  const files = await Promise.all(children.filter((child) => !child.name.startsWith(".")).map(filesUnder));
  return files.flat();
}

// A folder is read in batches; an empty batch is the end.
async function allEntries(reader) {
  const entries = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return entries;
    entries.push(...batch);
  }
}

export function watchDrop(zone, onFiles) {
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("upload-over", name === "dragover");
    });
  }
  document.addEventListener("drop", async (event) => {
    if (event.dataTransfer?.types.includes("Files")) onFiles(await droppedFiles(event.dataTransfer));
  });
}
