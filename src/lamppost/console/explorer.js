"use strict";
// Everything shown is set as text. Nothing that a document or an answer holds becomes markup.
const $ = (id) => document.getElementById(id);
const TOO_LONG = 200_000;
const tokens = new Map();
let documents = {};

function el(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// --- documents

function resolve(doc, thing) {
  for (let hops = 0; thing && thing.$ref && hops < 20; hops++) {
    thing = thing.$ref.split("/").slice(1).reduce((at, name) => at?.[name], doc);
  }
  return thing || {};
}

function operations(doc) {
  const found = [];
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (method !== "head") found.push({ path, method, operation });
    }
  }
  return found;
}

function kind(doc, schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((each) => kind(doc, each)).join(" | ");
  if (schema.type === "array") return `list of ${kind(doc, schema.items || {})}`;
  const limits = ["minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"]
    .filter((name) => name in schema && String(schema[name]).length < 40).map((name) => `${name} ${schema[name]}`);
  return [schema.format || schema.type || "anything", ...limits].join(", ");
}

function sample(doc, schema, depth = 0) {
  const at = resolve(doc, schema);
  if (at.examples?.length) return at.examples[0];
  if ("default" in at) return at.default;
  if (at.enum) return at.enum[0];
  if (at.anyOf) return sample(doc, at.anyOf[0], depth);
  if (depth > 5) return null;
  if (at.type === "object") {
    const names = at.required || [];
    return Object.fromEntries(names.map((name) => [name, sample(doc, at.properties?.[name] || {}, depth + 1)]));
  }
  if (at.type === "array") return [];
  if (at.type === "integer" || at.type === "number") return at.minimum ?? 0;
  if (at.type === "boolean") return false;
  if (at.format === "uuid") return crypto.randomUUID();
  if (at.format === "date") return "2000-01-31";
  if (at.format === "date-time") return "2000-01-31T12:00:00Z";
  return at.type === "string" ? "" : null;
}

function fields(doc, schema) {
  const at = resolve(doc, schema);
  if (!at.properties) return el("p", {}, el("code", {}, kind(doc, schema)));
  const rows = Object.entries(at.properties).map(([name, inner]) => el("div", { class: "field" },
    el("code", {}, name + (at.required?.includes(name) ? " *" : "")),
    el("span", {}, el("code", {}, kind(doc, inner))),
    inner.description ? el("span", { class: "quiet text" }, inner.description) : null));
  return el("div", {}, at.description ? el("p", { class: "quiet text" }, at.description) : null, ...rows);
}

// --- the list

function drawRoutes() {
  $("routes").replaceChildren(...Object.entries(documents).map(([name, doc]) => el("section", {},
    el("h2", {}, name),
    doc.info.description ? el("p", { class: "quiet text" }, doc.info.description) : null,
    el("ul", {}, ...operations(doc).map(({ path, method, operation }) => el("li", {},
      el("a", { href: `#${name}/${operation.operationId}` },
        el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, ...folded(path)))))))));
}

function show() {
  const [name, id] = decodeURIComponent(location.hash.slice(1)).split("/");
  const doc = documents[name] || Object.values(documents)[0];
  if (!doc) return say("No service has routes yet.");
  const api = documents[name] ? name : Object.keys(documents)[0];
  const found = operations(doc).find((each) => each.operation.operationId === id) || operations(doc)[0];
  const current = `#${api}/${found.operation.operationId}`;
  for (const link of $("routes").querySelectorAll("a")) {
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  drawRoute(api, doc, found);
}

const say = (text) => $("route").replaceChildren(el("p", { role: "status" }, text));

// --- one route

// A path that may break before a slash, and is one word when it is copied.
function folded(path) {
  return path.split(/(?=\/)/).flatMap((part) => [el("wbr", {}), part]);
}

function drawRoute(api, doc, { path, method, operation }) {
  const heading = el("h2", { tabindex: "-1" },
    el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, path));
  const guard = operation.security?.length ? operation.security[0].caller : null;
  const about = el("section", {}, heading,
    el("p", { class: "text" }, operation.summary || ""),
    operation.description ? el("p", { class: "quiet text" }, operation.description) : null,
    el("p", { class: "quiet" }, guard ? `Asks for a token${guard.length ? ` with ${guard.join(", ")}` : ""}.` : "Open to anyone."));
  const form = drawForm(api, doc, path, method, operation, guard);
  const answers = el("section", {}, el("h2", {}, "Answers"),
    ...Object.entries(operation.responses).map(([status, answer]) => drawAnswer(doc, status, resolve(doc, answer))));
  $("route").replaceChildren(about, form, answers);
  if (location.hash) heading.focus();
}

function drawAnswer(doc, status, answer) {
  const content = Object.entries(answer.content || {}).map(([type, { schema, examples }]) => el("div", {},
    el("p", {}, el("code", {}, type)),
    schema && status[0] === "2" ? fields(doc, schema) : null,
    examples ? el("pre", {}, JSON.stringify(Object.values(examples)[0].value, null, 2)) : null));
  return el("details", { open: status[0] === "2" },
    el("summary", {}, el("span", { class: "status" }, status), " ", (answer.description || "").split("\n")[0]),
    el("p", { class: "quiet text" }, answer.description.split("\n").slice(2).join("\n")), ...content);
}

function drawForm(api, doc, path, method, operation, guard) {
  const inputs = (operation.parameters || []).map((parameter) => ({ parameter, input: inputFor(doc, parameter) }));
  const media = operation.requestBody?.content["application/json"];
  const body = media && el("textarea", { id: "body", spellcheck: "false", "aria-label": "Body, as JSON" });
  if (body) body.value = JSON.stringify(media.example ?? sample(doc, media.schema), null, 2);
  const button = el("button", { class: "go", type: "submit" }, "Try");
  const heard = el("div", { "aria-live": "polite" });
  const rows = inputs.map(({ parameter, input }) => el("div", { class: "field" },
    el("label", { for: input.id }, parameter.name + (parameter.required ? " *" : "")), input,
    el("span", { class: "quiet text" }, `${parameter.in}, ${kind(doc, parameter.schema)}. ${parameter.description || ""}`)));
  const tryIt = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const request = await compose(api, doc, path, method, inputs, body, guard);
      heard.replaceChildren(...await send(api, operation, request));
    } catch (problem) {
      heard.replaceChildren(el("p", { class: "bad", role: "alert" }, problem.message));
    }
    button.disabled = false;
  };
  return el("section", {}, el("h2", {}, "Try it"),
    el("form", { on: { submit: tryIt } }, ...rows,
      body ? el("h3", {}, "Body") : null, body || null,
      media ? el("details", {}, el("summary", {}, "What it takes"), fields(doc, media.schema)) : null, button), heard);
}

function inputFor(doc, parameter) {
  const input = el("input", { id: `in-${parameter.name}`, autocomplete: "off", spellcheck: "false", required: parameter.required });
  if (parameter.schema.default !== undefined) input.placeholder = JSON.stringify(parameter.schema.default);
  const given = parameter.example ?? (parameter.required ? parameter.schema.examples?.[0] : undefined);
  if (given !== undefined) input.value = typeof given === "string" ? given : JSON.stringify(given);
  if (parameter.name === "Idempotency-Key" && parameter.required) input.value = crypto.randomUUID();
  return input;
}

// --- a call

async function compose(api, doc, path, method, inputs, body, guard) {
  const headers = {};
  const query = [];
  for (const { parameter, input } of inputs) {
    const value = input.value;
    if (parameter.in === "path") {
      if (/^\.{0,2}$/.test(value)) throw new Error(`${parameter.name}: a browser cannot send ${value || "nothing"} in a path; curl --path-as-is can.`);
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value !== "" || parameter.required) {
      if (parameter.in === "header") headers[parameter.name] = value;
      else query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`);
    }
  }
  if (body) headers["content-type"] = "application/json";
  const person = $("person").value.trim();
  const shown = { ...headers };
  if (guard && person) {
    headers.authorization = `Bearer ${await token(api, person)}`;
    shown.authorization = `Bearer $(lamppost token --service ${api} --as ${person})`;
  }
  const url = doc.servers[0].url + path + (query.length ? `?${query.join("&")}` : "");
  return { url, method: method.toUpperCase(), headers, shown, body: body ? body.value : undefined };
}

async function token(service, person) {
  const key = `${service} ${person}`;
  const known = tokens.get(key);
  if (known && known.until > Date.now()) return known.token;
  const asked = await fetch("/_console/token", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ service, person }),
  });
  const answer = await asked.json();
  if (!asked.ok) throw new Error(`${answer.what} ${answer.fix || ""}`);
  tokens.set(key, { token: answer.token, until: Date.now() + 60_000 });
  return answer.token;
}

async function send(api, operation, request) {
  const since = Date.now();
  const began = performance.now();
  const answer = await fetch(new URL(new URL(request.url).pathname + new URL(request.url).search, location.origin), {
    method: request.method, headers: request.headers, body: request.body, cache: "no-store", credentials: "omit", redirect: "error",
  }).catch((gone) => { throw new Error(`It was not sent, or not answered: ${gone.message}`); });
  const text = await answer.text();
  const took = performance.now() - began;
  const lines = el("pre", {}, "…");
  showLines(lines, api, operation, answer.headers.get("x-lamppost-request"), since);
  const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  return [
    el("h3", {}, "Answer"),
    el("p", {}, el("span", { class: `status ${answer.ok ? "good" : "bad"}` }, `${answer.status} ${answer.statusText}`),
      el("span", { class: "quiet" }, ` in ${took.toFixed(1)} ms, request ${answer.headers.get("apigw-requestid") || "unknown"}`)),
    el("pre", { id: "answer" }, pretty(text) || "no body"),
    el("details", {}, el("summary", {}, "Headers"), el("pre", {}, heads)),
    el("details", { open: true }, el("summary", {}, "What the function said"), lines),
    el("details", { open: true }, el("summary", {}, "The same with curl"), el("pre", {}, curl(request))),
  ];
}

function pretty(text) {
  const cut = text.length > TOO_LONG ? `${text.slice(0, TOO_LONG)}\n… ${text.length - TOO_LONG} characters more` : text;
  // Parsed and written again, a number may change its digits: only the space between is ours to add.
  try { return text.length > TOO_LONG || /[0-9]{16}/.test(text) ? cut : JSON.stringify(JSON.parse(text), null, 2); } catch { return cut; }
}

async function showLines(place, service, operation, request, since) {
  if (!request) return place.replaceChildren("No function was called.");
  const query = new URLSearchParams({ service, function: operation.tags[0], request, since: since - 1000 });
  for (let look = 0; look < 10; look++) {
    const found = await fetch(`/_console/lines?${query}`).then((answer) => answer.ok ? answer.json() : []);
    place.replaceChildren(found.map(({ text }) => text).join("\n") || "…");
    if (found.some(({ text }) => text.startsWith("REPORT"))) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}

function curl({ url, method, shown, body }) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const heads = Object.entries(shown).map(([name, value]) =>
    `-H ${name === "authorization" ? `"${name}: ${value}"` : quoted(`${name}: ${value}`)}`);
  return [`curl -i -X ${method} ${quoted(url)}`, ...heads, ...(body ? [`--data-raw ${quoted(body)}`] : [])].join(" \\\n  ");
}

async function begin() {
  const asked = await fetch("/_console/apis").catch(() => null);
  const answer = asked ? await asked.json() : { what: "The system does not answer." };
  if (!asked?.ok) return say(`${answer.what} ${answer.fix || ""}`);
  documents = answer;
  drawRoutes();
  show();
}
$("caller").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", show);
begin();
