/** How wide an element is, so that drawings are made for its pixels and their text stays legible. */
import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

export function useWidth(element: Ref<HTMLElement | null>, first = 640): Ref<number> {
  const width = ref(first)
  let observer: ResizeObserver | null = null
  onMounted(() => {
    if (!element.value) return
    width.value = Math.floor(element.value.clientWidth) || first
    observer = new ResizeObserver((entries) => {
      const seen = Math.floor(entries[0]?.contentRect.width ?? 0)
      if (seen > 0) width.value = seen
    })
    observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return width
}
