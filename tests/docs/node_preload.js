// Loaded before every Node program of the documents: no waiting, objects as JSON, and a stand-in for axios.
'use strict';
const Module = require('module');

const setTimer = globalThis.setTimeout;
globalThis.setTimeout = (callback, milliseconds, ...rest) => setTimer(callback, milliseconds === 5000 ? 0 : milliseconds, ...rest);

const show = value => (typeof value === 'string' ? value : JSON.stringify(value));
console.log = (...values) => process.stdout.write(values.map(show).join(' ') + '\n');

async function send(method, url, { headers, params } = {}, body = undefined) {
  const query = params ? '?' + new URLSearchParams(params) : '';
  const answer = await fetch(url + query, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Request failed with status code ${answer.status}: ${text}`);
  return { status: answer.status, data: JSON.parse(text) };
}

const axios = {
  get: (url, options) => send('GET', url, options),
  post: (url, body, options) => send('POST', url, options, body),
};
const load = Module._load;
Module._load = (name, ...rest) => (name === 'axios' ? axios : load(name, ...rest));
