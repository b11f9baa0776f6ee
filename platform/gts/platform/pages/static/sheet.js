// Texts that are being marked, without the page. Spans are entities, or triggers of events; links are relations
// between two entities, or roles in an event. What changes a mark returns what is to be said of it.

import { byPlace, isSame } from "./texts.js";

const textAt = (row, place) => [...row.text].slice(place.start, place.end).join("");
const without = (list, thing) => list.filter((one) => one !== thing);
const markOf = ({ start, end }, name, tone, thing, part) => ({ start, end, name, tone, thing, part });

export class Sheet {
  // `declared` are the names in the form's field of types, `added` those of the other kind that no row uses yet.
  constructor(type, rows, declared, added, at) {
    Object.assign(this, { type, rows, declared, added });
    this.turnTo(at);
  }

  get row() {
    return this.rows[this.at];
  }

  turnTo(index) {
    this.at = Math.max(0, Math.min(this.rows.length - 1, index));
    this.picked = []; // the entities of the next relation, head first; or the event that takes arguments
  }

  words(place) {
    return textAt(this.row, place);
  }

  isDeclared(kind) {
    return (kind === "link") === (this.type === "relation");
  }

  namesIn(row, kind) {
    if (this.type !== "event") {
      return row[kind === "span" ? "entities" : "relations"].map((mark) => mark.type).filter(Boolean);
    }
    return row.events.flatMap((event) =>
      kind === "span" ? [event.type] : event.arguments.map((part) => part.role),
    );
  }

  names(kind) {
    const given = this.isDeclared(kind) ? this.declared : this.added;
    return [...new Set([...given, ...this.rows.flatMap((row) => this.namesIn(row, kind))])];
  }

  count(kind, name) {
    return this.rows.filter((row) => this.namesIn(row, kind).includes(name)).length;
  }

  // Everything marked in the text; each mark knows what it belongs to.
  marks() {
    const [spans, links] = [this.names("span"), this.names("link")];
    if (this.type !== "event")
      return this.row.entities.map((one) => markOf(one, one.type, spans.indexOf(one.type), one));
    return this.row.events.flatMap((event) => [
      markOf(event, event.type, spans.indexOf(event.type), event),
      ...event.arguments.map((part) =>
        markOf(part, part.role, spans.length + links.indexOf(part.role), event, part),
      ),
    ]);
  }

  // The smallest mark around a place.
  markAt(place) {
    const around = this.marks().filter((mark) => mark.start <= place.start && place.end <= mark.end);
    return around.sort((one, other) => one.end - one.start - (other.end - other.start))[0];
  }

  isPicked(mark) {
    return !mark.part && this.picked.includes(mark.thing);
  }

  span(name, place) {
    const { row } = this;
    const list = this.type === "event" ? row.events : row.entities;
    const values = { words: this.words(place), type: name };
    let thing = list.find((one) => isSame(one, place));
    const isNew = thing?.type !== name;
    if (thing) thing.type = name;
    else list.push((thing = { start: place.start, end: place.end, type: name, arguments: [] }));
    row.isSeen = true;
    if (this.type === "event") {
      this.picked = [thing];
      return ["current", values];
    }
    return [isNew ? "marked" : "again", values];
  }

  link(name, place) {
    return this.type === "event" ? this.takePart(name, place) : this.relate(name);
  }

  relate(name) {
    const [head, tail] = this.picked;
    if (!tail) return ["pickTwo"];
    const isThere = this.row.relations.some(
      (one) => one.type === name && one.head === head && one.tail === tail,
    );
    if (!isThere) this.row.relations.push({ type: name, head, tail });
    this.picked = [];
    return ["linked", { head: this.words(head), type: name, tail: this.words(tail) }];
  }

  takePart(role, place) {
    const [event] = this.picked;
    if (!event) return ["pickEvent"];
    if (!place) return ["unchosen"];
    const part = event.arguments.find((one) => isSame(one, place));
    if (part) part.role = role;
    else event.arguments.push({ role, start: place.start, end: place.end });
    return ["linked", { head: this.words(event), type: role, tail: this.words(place) }];
  }

  pick({ thing }) {
    const words = this.words(thing);
    if (this.type === "event") {
      this.picked = [thing];
      return ["current", { type: thing.type, words }];
    }
    const [head] = this.picked;
    const isTail = this.picked.length === 1 && !isSame(head, thing);
    this.picked = this.picked.includes(thing) ? [] : isTail ? [head, thing] : [thing];
    if (!this.picked.length) return ["unpicked", { words }];
    return isTail ? ["tail", { head: this.words(head), tail: words }] : ["head", { words }];
  }

  remove(mark) {
    const { row } = this;
    const { thing, part } = mark;
    if (part) {
      thing.arguments = without(thing.arguments, part);
    } else {
      row.events = without(row.events, thing);
      row.entities = without(row.entities, thing);
      row.relations = row.relations.filter((one) => one.head !== thing && one.tail !== thing);
      this.picked = without(this.picked, thing);
    }
    row.isSeen = row.events.length + row.entities.length > 0;
    return ["removed", { words: this.words(mark), type: mark.name }];
  }

  removeRelation(relation) {
    this.row.relations = without(this.row.relations, relation);
    const words = `${this.words(relation.head)} → ${this.words(relation.tail)}`;
    return ["removed", { words, type: relation.type }];
  }

  toggleNothing() {
    const { row } = this;
    if (row.events.length + row.entities.length) return ["nothingMarked"];
    row.isSeen = !row.isSeen;
    return [row.isSeen ? "nothingOn" : "nothingOff"];
  }

  counts() {
    const marked = this.rows.filter((row) => row.isSeen).length;
    return { at: this.at + 1, count: this.rows.length, marked };
  }

  inOrder() {
    return this.type === "event" ? this.marks() : this.marks().sort(byPlace);
  }
}
