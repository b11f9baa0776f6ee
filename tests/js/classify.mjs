// node classify.mjs FOLDER DTYPE: reads a JSON list of texts, writes the labels and scores of each.
import path from "node:path";
import { readFileSync } from "node:fs";
import { env, pipeline } from "@huggingface/transformers";

const folder = path.resolve(process.argv[2]);
env.allowRemoteModels = false;
env.localModelPath = path.dirname(folder) + path.sep;
const classify = await pipeline("text-classification", path.basename(folder), { dtype: process.argv[3] });
const texts = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await classify(texts, { top_k: null })));
