// The operators' API. Where it wants a key it is asked for once, kept for this tab alone, and sent with every request.

const kept = 'verdict.key';
let asking = null; // while the key is asked for

export const hasKey = () => sessionStorage.getItem(kept) !== null;
export const forgetKey = () => sessionStorage.removeItem(kept);

// A Problem is an error that the gateway told (RFC 9457).
export class Problem extends Error {
  constructor({ title, detail, status }) {
    super(detail || title);
    this.title = title;
    this.status = status;
  }
}

// get and post return what is answered, and throw a Problem, or a TypeError if there was no answer.
export const get = (path, signal) => call(path, { signal });
export const post = (path, body) => call(path, { method: 'POST', body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

async function call(path, request) {
  const key = sessionStorage.getItem(kept);
  const headers = { ...request.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  const answer = await fetch(path, { ...request, headers, cache: 'no-store' });
  const told = await answer.json().catch(() => ({ title: 'The answer can’t be read', status: answer.status }));
  if (answer.ok) return told;
  const mayNot = answer.status === 401 || (answer.status === 403 && told.type === '/problems/forbidden');
  if (!mayNot) throw new Problem(told);
  await askForKey(key && key === sessionStorage.getItem(kept) ? told : null);
  return call(path, request);
}

// askForKey has the key given; refused is why the one that was given won't do.
function askForKey(refused) {
  asking ??= ask(refused).finally(() => { asking = null; });
  return asking;
}

function ask(refused) {
  const dialog = document.getElementById('key'), words = document.getElementById('key-words');
  document.getElementById('key-fault').textContent = refused ? refusal(refused) : '';
  words.value = '';
  dialog.oncancel = (event) => event.preventDefault(); // there is nothing behind it
  dialog.showModal();
  words.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      sessionStorage.setItem(kept, words.value.trim());
      words.value = '';
      resolve();
    }, { once: true });
  });
}

const refusal = ({ status }) => (status === 403 ? 'That key is not an operator’s.' : 'That key is not known here.');
