// The files of a drop, including those in dropped folders.

export async function filesOf(drop) {
  // Entries must be read before the first await: the browser empties the drop afterwards.
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...drop.files];
  const files = await Promise.all(entries.map(filesUnder));
  return files.flat();
}

async function filesUnder(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
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
