// The official client on Node: node openai_node.mjs ADDRESS MODEL [CHECK …]. It is told where its package is by
// CLIENT_FOLDER, since a module looks for others beside itself alone.

import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const beside = createRequire(pathToFileURL(path.join(process.env.CLIENT_FOLDER, "package.json")));
const { default: OpenAI } = await import(pathToFileURL(beside.resolve("openai")));

const [, , url, model, ...names] = process.argv;
const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is 19 + 23?" }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

function require_(isSo, what) {
  if (!isSo) throw new Error(JSON.stringify(what));
}

const checks = {
  async models() {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    require_(ids.includes(model), ids);
    return `${ids.length} models`;
  },

  async talk() {
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    require_(text, text);
    return text;
  },

  async chat() {
    const done = await client.chat.completions.create({ model, messages });
    require_(done.choices[0].message.content === "19 + 23 = 42", done);
    require_(done.attention_moa.run_id, done);
    return done.choices[0].message.content;
  },

  async stream() {
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    require_(text === "19 + 23 = 42" && usage !== null, [text, usage]);
    return text;
  },

  async format() {
    const schema = {
      type: "object",
      properties: { total: { type: "integer" } },
      required: ["total"],
      additionalProperties: false,
    };
    const response_format = { type: "json_schema", json_schema: { name: "sum", strict: true, schema } };
    const done = await client.chat.completions.create({ model, messages, response_format });
    require_(JSON.parse(done.choices[0].message.content).total === 42, done);
    return done.choices[0].message.content;
  },

  async tools() {
    const asked = [{ role: "user", content: "What is the weather in Turin?" }];
    const first = await client.chat.completions.create({ model, messages: asked, tools: [weather] });
    const call = first.choices[0].message.tool_calls[0];
    require_(JSON.parse(call.function.arguments).city === "Turin", first);
    const result = { role: "tool", tool_call_id: call.id, content: "31 degrees, dry" };
    const turns = [...asked, first.choices[0].message, result];
    const done = await client.chat.completions.create({ model, messages: turns, tools: [weather] });
    require_(done.choices[0].message.content.includes("31 degrees, dry"), done);
    return done.choices[0].message.content;
  },

  async responses() {
    const done = await client.responses.create({ model, input: "What is 19 + 23?" });
    require_(done.output_text === "19 + 23 = 42", done);
    return done.output_text;
  },

  async errors() {
    try {
      await client.chat.completions.create({ model, messages, logprobs: true });
    } catch (error) {
      require_(error instanceof OpenAI.BadRequestError && error.param === "logprobs", error);
      return `${error.status} ${error.code}`;
    }
    throw new Error("logprobs were taken");
  },
};

for (const [name, check] of Object.entries(checks)) {
  if (names.length && !names.includes(name)) continue;
  console.log(`ok ${name}: ${await check()}`);
}
