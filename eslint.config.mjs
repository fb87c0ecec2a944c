// Lint rules. The import restrictions hold the arrows of docs/architecture.md ("Folders").
import js from '@eslint/js'
import ts from 'typescript-eslint'

const nothingNative = {
  group: ['**/native/*', '**/clip.js', '**/image.js', 'sharp'],
  message: 'this file is pure TypeScript: nothing native',
}
const outside = regex => ['error', {
  patterns: [{
    regex,
    message: 'the command line and the server use the public API, and of the rest only what eslint.config.mjs lists',
  }],
}]
const ofServer =
  '(?:library|errors|lru-map|nearest-name|package|validate|types|text-bytes|vectors/scores|image/pixel-size|remote/[\\w-]+|async/[\\w-]+)\\.js$'
/** Each uses only those before it. */
const searchRooms = ['storage', 'folders', 'queries', 'groups']

export default ts.config(
  {
    ignores: ['node_modules', 'build', 'dist', 'vendor', 'prebuilds', 'models', 'coverage', 'test/fixtures', 'docs',
      'bench/peers/build'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/unbound-method': 'off', // contracts are written as interfaces of plain functions
      'no-control-regex': 'off', // text cleaning names control characters on purpose
      '@typescript-eslint/only-throw-error': 'off', // an AbortSignal's reason may be anything
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      'no-restricted-imports': ['error', {
        patterns: [{ group: ['**/*.node', '@ggclip/*'], message: 'lib/native alone loads the addon' }],
      }],
    },
  },
  { files: ['lib/native/{load,binaries}.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['lib/native/binaries.ts'], rules: { '@typescript-eslint/no-unsafe-return': 'off' } },
  // what is loaded at its first use, without waiting
  {
    files: ['lib/native/{load,binaries,gpu-modules}.ts', 'lib/image/decode.ts', 'lib/image/heic.ts',
      'lib/tokenizer/tokenizer.ts', 'lib/models/pull.ts', 'lib/search/storage/database.ts',
      'lib/search/folders/walk.ts', 'lib/image/photo-facts.ts', 'lib/peer.ts', 'lib/cli/small-picture.ts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['lib/scheduler/**', 'lib/validate.ts', 'lib/errors.ts', 'lib/vectors/{similarity,losses,finite}.ts',
      'lib/async/**', 'lib/text-bytes.ts', 'lib/tokenizer/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [nothingNative] }] },
  },
  ...searchRooms.slice(0, -1).map((room, i) => ({
    files: [`lib/search/${room}/*.ts`],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: [{
          group: [...searchRooms.slice(i + 1), 'search-index.js'].map(later => `../${later}`),
          message: `lib/search: ${searchRooms.join(' <- ')}`,
        }],
      }],
    },
  })),
  {
    files: ['lib/cli/*.ts'],
    rules: {
      'no-restricted-imports': outside('^\\.\\./(?!(library|package|text-bytes|async/pipeline|embeddings/npy)\\.js$)'),
    },
  },
  ...[2, 3].map(depth => ({
    files: [`lib/cli/${'*/'.repeat(depth - 1)}*.ts`],
    rules: {
      'no-restricted-imports': outside(
        `^(?:\\.\\./){${depth}}(?!\\.|(library|package|peer|server/index|files)\\.js$)`,
      ),
    },
  })),
  // the server adds errors and checks of arguments: it raises the same kinds as the library
  ...[1, 2, 3].map(depth => ({
    files: [`lib/server/${'*/'.repeat(depth - 1)}*.ts`],
    rules: { 'no-restricted-imports': outside(`^(?:\\.\\./){${depth}}(?!\\.|${ofServer})`) },
  })),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
    },
  },
  {
    files: ['**/*.cjs', '**/*.mjs', '**/*.js'],
    languageOptions: {
      sourceType: 'module',
      globals: Object.fromEntries(
        ['process', 'console', 'Buffer', 'URL', '__dirname', '__filename', 'require', 'module', 'setTimeout',
          'setInterval', 'clearTimeout', 'clearInterval', 'setImmediate', 'AbortController', 'AbortSignal',
          'performance', 'fetch', 'structuredClone', 'gc', 'Blob', 'FormData', 'TextDecoder', 'TextEncoder'].map(
            name => [name, 'readonly'],
          ),
      ),
    },
  },
  {
    files: ['lib/server/page/static/**/*.js', 'examples/electron/src/page/*.js'], // they run in the browser
    languageOptions: {
      globals: Object.fromEntries(
        ['document', 'window', 'location', 'localStorage', 'FileReader', 'File', 'Event', 'EventTarget']
          .map(name => [name, 'readonly']),
      ),
    },
  },
  { files: ['examples/electron/src/main.cjs'], languageOptions: { globals: { Response: 'readonly' } } },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
)
