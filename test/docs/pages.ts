/** The pages: their files, links, headings and code blocks. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A path inside the repository. */
export function pathOf(name: string): string {
  return path.join(ROOT, name);
}

/** A page of `docs/`, as its path inside the repository. */
export function docsPath(name: string): string {
  return `docs/${name}`;
}

/** Folders with nothing of ours in them. */
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage', '.git', '.tmp']);

/** All Markdown files, as paths inside the repository. */
export function allPages(folder = '.'): readonly string[] {
  return readdirSync(pathOf(folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : allPages(name);
    return entry.name.endsWith('.md') ? [name] : [];
  });
}

export function read(page: string): string {
  return readFileSync(pathOf(page), 'utf8');
}

// ---------------------------------------------------------------- links

/** Relative links of a page that lead nowhere. */
export function brokenLinks(page: string): readonly string[] {
  const broken: string[] = [];
  for (const [, target] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [file, anchor] = target!.split('#') as [string, string?];
    const linked = file === '' ? page : path.join(path.dirname(page), file);
    const found =
      existsSync(pathOf(linked)) && (anchor === undefined || anchors(read(linked)).includes(anchor));
    if (!found) broken.push(target!);
  }
  return broken;
}

/** Anchors of the headings, as GitHub makes them. */
function anchors(text: string): readonly string[] {
  const seen = new Map<string, number>();
  return headings(text).map((heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

export function headings(text: string): readonly string[] {
  return [...withoutBlocks(text).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => heading!.trim());
}

const withoutBlocks = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '');

const withoutCode = (text: string): string => withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '');

// ---------------------------------------------------------------- code blocks

/** A code block that is said to run, by a comment before it that readers do not see. */
export interface Example {
  readonly page: string;
  /** Line of the page on which that comment is. */
  readonly line: number;
  readonly language: 'js' | 'ts';
  readonly source: string;
}

export function examplesOf(page: string): readonly Example[] {
  const text = read(page);
  return [...text.matchAll(/^<!-- runs -->\n+```(js|ts)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] as 'js' | 'ts',
    source: match[2]!,
  }));
}

// ---------------------------------------------------------------- tables between markers

const MARKED = /(<!-- table:begin -->\n)([\s\S]*?)(\n?<!-- table:end -->)/;

/** What stands between the markers. */
export function markedTable(text: string): string {
  return MARKED.exec(text)?.[2]?.trim() ?? '';
}

/** The page with another table between the markers. */
export function withTable(text: string, table: string): string {
  return text.replace(MARKED, (_all, begin: string, _old, end: string) => `${begin}\n${table}\n${end}`);
}
