// The files of a drop, those in dropped folders too.

export async function filesOf(drop) {
  // Entries must be taken before the first await: the drop is emptied afterwards.
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...drop.files];
  const found = await Promise.all(entries.map(filesUnder));
  return found.flat();
}

async function filesUnder(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const inside = await listed(entry.createReader());
  const found = await Promise.all(inside.filter((child) => !child.name.startsWith(".")).map(filesUnder));
  return found.flat();
}

// A folder is read in portions; an empty one is the end.
async function listed(reader) {
  const all = [];
  for (;;) {
    const portion = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!portion.length) return all;
    all.push(...portion);
  }
}
