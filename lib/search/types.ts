/** Options and results of {@link SearchIndex}. */
import type { Clip } from '../clip/clip.js'
import type { CallOptions } from '../types.js'
import type { KeepRule } from './groups/duplicates.js'
import type { RowType } from './storage/rows.js'

/** What an index needs of a {@link Clip}. */
export type IndexModel = Pick<Clip, 'info' | 'encodeImage' | 'encodeText'>

/** Options of {@link SearchIndex.open}. */
export interface OpenIndexOptions {
  /** The model: the one that the index was made with, in any weight type. */
  clip: IndexModel
  /** Make the index if there is none. Default true, or false with `readOnly`. */
  create?: boolean
  /**
   * Search only: nothing in the index's folder is written, which may be somebody else's or on a medium that cannot be written.
   * {@link SearchIndex.update} and its like are refused. What others write meanwhile is seen. Default: where it cannot be written.
   */
  readOnly?: boolean
  /**
   * Type of the file that is scanned: 'int8' has half the bytes of 'f16', and finds nearly the same. Another type than
   * the index has is written by the next {@link SearchIndex.update}. Default: what it has, 'f16' if it is new.
   */
  rows?: RowType
}

/** Options of {@link SearchIndex.update}. */
export interface UpdateIndexOptions {
  /** Globs of paths relative to each folder, such as `**\/thumbnails/**`, that are left out. Default: none. */
  exclude?: readonly string[]
  /** Try files again that could not be read and have not changed since. Default false. */
  retry?: boolean
  /**
   * Priority of its embeddings among the model's calls. Below 0, few files are read at a time, too, so that others who use
   * the model are not held up. Default 0.
   */
  priority?: number
  /**
   * Also makes a graph of nearest neighbours, with which a search of a large index takes milliseconds and may miss a
   * picture: at most one of 100 of the nearest 10, measured when it is made. True: in any case; false: none, and an
   * earlier one is removed. Needs the package usearch, and memory for all vectors while it is made. Default: if there
   * is one already, or the index has at least 1,000,000 pictures, and usearch is installed.
   */
  approximate?: boolean
  /** Called while the graph is made: rows in it, and all. */
  onApproximate?: (done: number, total: number) => void
  /** Ends the run; what was embedded until then stays. */
  signal?: AbortSignal
  /** Called about every two seconds, and at the end. */
  onProgress?: (progress: IndexProgress) => void
}

/** State of {@link SearchIndex.update}. */
export interface IndexProgress {
  /** Files looked at. */
  done: number
  /** Files found so far; all of them once `counted`. */
  total: number
  /** Whether `total` is final. */
  counted: boolean
  /** Pictures embedded in this run. */
  embedded: number
  /** Files that could not be read. */
  failed: number
  /** Pictures embedded a second, since the run began. */
  perSecond: number
  /** Estimate; undefined until `counted`. */
  secondsLeft?: number
}

/** Result of {@link SearchIndex.update}: numbers of files, and of pictures embedded. */
export interface IndexResult {
  /** Files that are as they were. */
  unchanged: number
  /** New or changed files whose picture was known: copies, renamed or moved files. */
  known: number
  /** Pictures that were embedded. */
  embedded: number
  /** Files that are gone. */
  removed: number
  /** Files that could not be read, in this run or, unchanged since, in an earlier one. */
  failed: number
  /** Folders that could not be read; what is known of them stays. */
  unreadable: { path: string; message: string }[]
}

/** Options of {@link SearchIndex.watch}. */
export interface WatchIndexOptions extends UpdateIndexOptions {
  /** Quiet milliseconds after a change before a run begins. Default 2000. */
  settleMs?: number
  /** Milliseconds between runs without a notice of a change: network disks send none. Default 600000. */
  lookMs?: number
  /** Called for a folder that the system refuses to watch; it is looked at every `lookMs`. */
  onUnwatched?: (folder: string, error: Error) => void
}

/** Where a photo was taken. */
export interface Place {
  /** Degrees, north positive. */
  latitude: number
  /** Degrees, east positive. */
  longitude: number
}

/** A place and what is near it. */
export interface NearPlace extends Place {
  /** Kilometres from the place, at most. Default 10. */
  km?: number
}

/** Which files of the index a search looks at. */
export interface SearchFilter {
  /** Glob of the whole path, such as `**\/2024/**`; of several, one has to match. */
  path?: string | readonly string[]
  /** Changed at or after this time. */
  after?: Date
  /** Changed before this time. */
  before?: Date
  /** Bytes, at least. */
  minBytes?: number
  /** Bytes, at most. */
  maxBytes?: number
  /** Photos taken at or after this time, by the camera's clock, as if it showed UTC. */
  takenAfter?: Date
  /** Photos taken before this time. */
  takenBefore?: Date
  /** Photos whose camera's name contains this, in letters of either case, such as `canon`. */
  camera?: string
  /** Photos taken near a place. */
  near?: NearPlace
}

/** Options of {@link SearchIndex.search}. */
export interface SearchIndexOptions
  extends Pick<CallOptions, 'signal' | 'priority' | 'client' | 'timeoutMs' | 'onTrace'>
{
  /** Most pictures. Default 20. */
  k?: number
  /**
   * Cosine similarity that a picture must have. 'auto': what one of 100 pictures of this index exceeds for captions of
   * unlike things (for a query of pictures alone: for other pictures of the index). Default: none.
   */
  minSimilarity?: number | 'auto'
  /** Default: all files. With a filter all vectors are compared. */
  filter?: SearchFilter
  /** Compare all vectors, also if the index has a graph ({@link UpdateIndexOptions.approximate}). Default false. */
  exact?: boolean
}

/** What a camera wrote into a picture (EXIF), where it did. */
export interface PhotoDetails {
  /** When the photo was taken, by the camera's clock, as if it showed UTC. */
  taken?: Date
  /** Maker and model of the camera. */
  camera?: string
  /** Where it was taken. */
  place?: Place
}

/** A file of the index. */
export interface IndexedFile extends PhotoDetails {
  /** Its path. */
  path: string
  /** The file's name as bytes, if it is no UTF-8: `path` then has U+FFFD in it. */
  pathBytes?: Uint8Array
  /** SHA-256 of its bytes, hexadecimal: what {@link SearchIndex.picture} finds it by. */
  hash: string
  /** Bytes of the file. */
  size: number
  /** When the file was changed. */
  modified: Date
}

/** A picture that was found: its file, the first in the order of names if several are the same picture. */
export interface SearchHit extends IndexedFile {
  /** Cosine similarity with the query, -1 to 1. */
  similarity: number
  /** Other files with the same bytes. */
  copies: string[]
}

/** Options of {@link SearchIndex.page}. */
export interface IndexPageOptions extends SearchIndexOptions {
  /** The last file of the page before. Default: the page is the first. */
  after?: PagedFile
}

/** A file of an {@link IndexPage}; `similarity` and `copies` as in {@link SearchHit}, on pages of a search. */
export interface PagedFile extends IndexedFile, Partial<Pick<SearchHit, 'similarity' | 'copies'>> {}

/** A part of what was found. */
export interface IndexPage {
  /** In their order; the last one is where the next page goes on. */
  files: PagedFile[]
  /** Pictures that the search finds on all pages, or files, without a query. */
  total: number
  /** Whether there is a next page. */
  more: boolean
}

/** A picture of the index: see {@link SearchIndex.picture}. */
export interface IndexedPicture {
  /** The files that show it, in the order of their paths. */
  files: IndexedFile[]
  /** Its vector, as the index keeps it: [dim], of unit length to half precision. */
  vector: Float32Array
}

/** Options of {@link SearchIndex.duplicates}. */
export interface DuplicatesOptions {
  /** Cosine similarity from which two pictures are alike. Default 0.96. */
  minSimilarity?: number
  /** Which file of a group is kept: the 'largest' in bytes, the 'oldest' or the 'newest'. Default 'largest'. */
  keep?: KeepRule
  /** Ends the comparison. */
  signal?: AbortSignal
  /** Called with pictures compared, and all. */
  onProgress?: (done: number, total: number) => void
}

/** A file of a {@link DuplicateGroup}. */
export interface DuplicateFile extends IndexedFile {
  /** Cosine similarity with the file that is kept; 1 for the same bytes. */
  similarity: number
  /** Whether it has the same bytes as the file that is kept. */
  identical: boolean
}

/** Pictures that are alike. */
export interface DuplicateGroup {
  /** The file to keep. */
  keep: DuplicateFile
  /** Those that are alike to it, most similar first. */
  others: DuplicateFile[]
}

/** Result of {@link SearchIndex.info}. */
export interface IndexInfo {
  /** Where it is. */
  folder: string
  /** The model's name in its file; '' if it has none. */
  model: string
  /** The path that it was loaded from when the index was made. */
  modelPath: string
  /** Values per vector. */
  dim: number
  /** Type of the file that is scanned. */
  rows: RowType
  /** Folders that were indexed. */
  roots: string[]
  /** Files that show a picture. */
  files: number
  /** Different pictures. */
  pictures: number
  /** Files that could not be read: see {@link SearchIndex.failures}. */
  failed: number
  /** The graph of nearest neighbours, if there is one: its pictures, and the share of the nearest 10 that it finds. */
  approximate?: {
    /** Pictures in it; later ones are scanned. */
    pictures: number
    /** Share, 0 to 1. Below 0.99 it is not used. */
    recall: number
  }
}

/** Options of {@link SearchIndex.clusters}. */
export interface ClusterOptions {
  /** How many. Default: by the number of pictures, at most 30. */
  count?: number
  /** Most pictures listed of each. Default 20. */
  k?: number
  /** Ends the computation. */
  signal?: AbortSignal
}

/** A file of a {@link PictureCluster}: the first of those that show the picture. */
export interface ClusteredFile extends IndexedFile {
  /** Cosine similarity with the centre. */
  similarity: number
}

/** Pictures around a centre. */
export interface PictureCluster {
  /** How many pictures. */
  size: number
  /** Those nearest to the centre, most similar first. */
  pictures: ClusteredFile[]
}
