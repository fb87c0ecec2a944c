/** Options and results of reading and writing folders of embeddings. */
import type { RemoteImageOptions } from '../remote/remote-image.js'
import type { S3Options } from '../remote/s3-settings.js'
import type { IndexModel } from '../search/types.js'

/** Kinds of the columns beside the vectors. */
export type ColumnKind = 'string' | 'number' | 'integer' | 'boolean' | 'date'

/** A vector with what goes beside it: see {@link writeEmbeddings}. */
export interface EmbeddingRow {
  /** Path or URL of the picture: the column `image_path`. */
  path: string
  /** `dim` finite values, not all of them 0. Written with unit length, in half precision. */
  vector: Float32Array
  /** Vector of the picture's caption, for `texts`. A row without one has zeros in `text_emb`. */
  text?: Float32Array
  /** Values of other columns; those without one are absent. */
  fields?: Readonly<Record<string, string | number | boolean | Date>>
}

/** Options of {@link writeEmbeddings}. */
export interface WriteEmbeddingsOptions extends ExportOptions {
  /** Values per vector. */
  dim: number
  /** Write `text_emb`, too: the rows' `text`. Default false. */
  texts?: boolean
  /** Names and kinds of the columns beside `image_path`. Default: none. */
  columns?: Readonly<Record<string, ColumnKind>>
  /** The vectors' model. What it makes of one picture is noted, by which an import checks that it has the same. Default: none. */
  clip?: IndexModel
}

/** Options of {@link exportIndex} and {@link exportStore}. */
export interface ExportOptions {
  /** Rows of a part, at most. Default 1,000,000, as clip-retrieval's. */
  rowsPerPart?: number
  /** Ends it; nothing is left of it. */
  signal?: AbortSignal
  /** Called with the rows written so far. */
  onProgress?: (rows: number) => void
}

/** Options of {@link exportIndex}. */
export interface ExportIndexOptions extends ExportOptions {
  /**
   * The index's model, which embeds captions: of `cat.jpg` what is in `cat.txt` beside it, or else the `caption` of `cat.json`.
   * They are the column `caption`, their vectors `text_emb`. Default: none.
   */
  captions?: {
    /** That the pictures' vectors are of. */
    clip: IndexModel
  }
}

/** Options of {@link exportStore}. */
export interface ExportStoreOptions extends ExportOptions {
  /**
   * The store's model, which embeds captions; their vectors are `text_emb`. They are in a field of the store, or in files
   * beside the pictures, `cat.txt` or `cat.json` of `cat.jpg`, in a folder or in the same tar file (webdataset's), and then
   * the column `caption`. Default: none.
   */
  captions?: {
    /** That the pictures' vectors are of. */
    clip: IndexModel
    /** Of texts. Default: 'caption' if the store has a field of that name, otherwise files beside the pictures. */
    field?: string
    /** Rules for tar files at URLs. Default: public addresses only. */
    remoteImages?: RemoteImageOptions
    /** Where tar files in S3 are. Default: what the environment says. */
    s3?: S3Options
  }
}

/** Result of {@link exportIndex}, {@link exportStore} and {@link writeEmbeddings}. */
export interface ExportResult {
  /** Vectors that were written. */
  rows: number
  /** Files that they are in. */
  parts: number
}

/** Options of {@link readEmbeddings}. */
export interface ReadEmbeddingsOptions {
  /** Columns to read. Default: all with plain values. */
  columns?: readonly string[]
  /** Which vectors: those of pictures, `img_emb`, or of captions, `text_emb`. Default 'image'. */
  tower?: 'image' | 'text'
  /** Ends it. */
  signal?: AbortSignal
}

/** Some rows of a folder of embeddings. */
export interface EmbeddingBatch {
  /** Number of rows, n. */
  rows: number
  /** Values per vector. */
  dim: number
  /** Flat [n][dim], as in the file. */
  vectors: Float32Array
  /** Values of each column, [n]; null where there is none. Times are dates. */
  columns: Readonly<Record<string, readonly unknown[]>>
}

/** Options of {@link importToIndex}. */
export interface ImportOptions {
  /** The model that the vectors are of. */
  clip: IndexModel
  /** Folder that relative paths are in. Default: the current one; keys of a store stay as they are. */
  base?: string
  /** Ends it; what was imported until then stays. */
  signal?: AbortSignal
  /** Called with the rows read so far, and all. */
  onProgress?: (done: number, total: number) => void
}

/** Options of {@link importToStore}. */
export interface ImportToStoreOptions extends ImportOptions {
  /** Column of the keys. Default `image_path`; `url` for the sets of img2dataset. */
  key?: string
  /** Which vectors: those of pictures, or of their captions, `text_emb`. Default 'image'. */
  tower?: 'image' | 'text'
}

/** Options of {@link importToIndex}. */
export interface ImportToIndexOptions extends ImportOptions {
  /** Folders of pictures, which the index remembers. Default: those that it has. */
  roots?: readonly string[]
}

/** Result of {@link importToStore}: numbers of rows. */
export interface ImportResult {
  /** Rows that were read. */
  rows: number
  /** Rows whose vector was taken. */
  imported: number
  /** Rows that cannot be used: a vector that has no direction or is not finite, no path, or one that a store cannot have as its key. */
  unusable: number
}

/** Result of {@link importToIndex}: numbers of rows. */
export interface IndexImportResult extends ImportResult {
  /** Files, or other files with the same bytes, that the index had: it keeps its vector. */
  known: number
  /** Files that are not there, or cannot be read. */
  missing: number
  /** Files that are not below the folders of the index. */
  outside: number
  /** Files that have changed since their vector was made, as far as the table has hashes. */
  changed: number
}
