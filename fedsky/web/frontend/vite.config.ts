import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const PAGES = ['test/**/*.test.ts', 'src/charts/*Chart.test.ts']

export default defineConfig({
  base: '/',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false, __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false },
  build: {
    outDir: '../static',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: scripts or fonts
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // few files on the first page: Vue, and what all pages share
        codeSplitting: {
          groups: [
            { name: 'vue', test: /node_modules[\\/](@vue|vue|vue-router)[\\/]/ },
            { name: 'shell', test: /src[\\/](components[\\/]|locale[\\/]..[\\/](api|shell|form|status|account|sky)\.ts|[a-z0-9]+\.ts$)/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { port: 5173, fs: { allow: ['..'] }, proxy: { '/api': 'http://127.0.0.1:5000' } },
  test: {
    environment: 'happy-dom',
    testTimeout: 60000,
    // a document and modules of its own take a file longer than most tests: those have them whose pages leave something
    projects: [
      { extends: true, test: { name: 'apart', include: PAGES } },
      { extends: true, test: { name: 'together', include: ['src/**/*.test.ts'], exclude: PAGES, isolate: false } },
    ],
  },
})
