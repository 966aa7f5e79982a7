// The payments of this phone, newest first, kept across reloads: what a page needs to show them. What it takes to go on
// with one that is pending, the client keeps.

const shelf = 'verdict.payments';
const kept = 8;

export function createRecent(storage = localStorage) {
  const list = read(storage);

  function save() {
    try {
      storage.setItem(shelf, JSON.stringify(list));
    } catch {
      // full or forbidden: the list then lives as long as the page
    }
  }

  return {
    list,
    save,
    add(payment) {
      list.unshift(payment);
      list.length = Math.min(list.length, kept);
      save();
    },
    remove(payment) {
      const at = list.indexOf(payment);
      if (at >= 0) list.splice(at, 1);
      save();
    },
  };
}

function read(storage) {
  try {
    const list = JSON.parse(storage.getItem(shelf) ?? '[]');
    return Array.isArray(list) ? list.filter((p) => p?.key && Array.isArray(p.requests) && Array.isArray(p.away)) : [];
  } catch {
    return [];
  }
}
