// One frame on a canvas: views, a wipe, zoom and pan, outlines of the faces, and the value under the pointer.
// One pixel of the plate is one pixel of the screen at 100 %. Anamorphic plates are shown unsqueezed.
const BACKGROUND = "#141414";
const CHOSEN = "#f5a623", TAKEN = "#8fd3ff", FREE = "#8a8a8a";
const GRAB = 12; // how near to the wipe a drag must start to move it, screen pixels
const CLICK = 4; // a drag shorter than this is a click

export default {
  template: `
    <div ref="box" class="viewer">
      <canvas ref="canvas"></canvas>
      <div ref="sample" class="viewer-sample"></div>
    </div>`,
  props: { picture: Object, view: String, outlines: Boolean },
  created() {
    this.zoom = "fit"; // or screen pixels per plate pixel
    this.centre = null; // plate pixel in the middle of the canvas
    this.wipe = 0.5; // share of the picture's width that shows the plate
    this.images = {};
    this.pixels = {};
    this.loading = 0;
    this.drag = null;
  },
  mounted() {
    const canvas = this.$refs.canvas;
    canvas.addEventListener("pointerdown", this.onDown);
    canvas.addEventListener("pointermove", this.onMove);
    canvas.addEventListener("pointerup", this.onUp);
    canvas.addEventListener("pointerleave", () => (this.$refs.sample.textContent = this.zoomText()));
    canvas.addEventListener("wheel", this.onWheel, { passive: false });
    document.addEventListener("keydown", this.onKey);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.$refs.box);
    this.load();
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
    this.observer.disconnect();
  },
  watch: {
    picture: { handler() { this.load(); }, deep: false },
    view() { this.load(); },
    outlines() { this.draw(); },
  },
  methods: {
    async load() {
      if (!this.picture) return;
      const mine = ++this.loading, picture = this.picture, view = this.view;
      const names = view === "wipe" ? ["plate", "beauty"] : [view];
      const images = await Promise.all(names.map((name) => this.fetched(picture.serial, name)));
      if (mine !== this.loading || images.includes(null)) return; // a newer one is on its way
      const moved = !this.shown || this.shown.size.join() !== picture.size.join();
      this.images = Object.fromEntries(names.map((name, index) => [name, images[index]]));
      this.pixels = {};
      this.shown = picture;
      this.shownView = view;
      if (moved) this.centre = null;
      this.draw();
      Object.assign(this.$refs.box.dataset, { serial: picture.serial, view, settled: picture.settled });
      this.$emit("drawn", picture.serial);
    },
    async fetched(serial, name) {
      const image = new Image();
      image.src = `${window.path_prefix || ""}/picture/${serial}/${name}.bmp`;
      try {
        await image.decode();
        return image;
      } catch {
        return null;
      }
    },
    zoomTo(zoom) {
      this.zoom = zoom;
      const chosen = this.shown && this.shown.faces.find((face) => face.chosen);
      this.centre = zoom === "fit" || !chosen ? null : this.middleOf(chosen.points);
      this.draw();
    },
    middleOf(points) {
      const sums = points.reduce((sum, point) => [sum[0] + point[0], sum[1] + point[1]], [0, 0]);
      return [sums[0] / points.length, sums[1] / points.length];
    },
    layout() {
      const canvas = this.$refs.canvas, ratio = window.devicePixelRatio || 1, aspect = this.shown.aspect;
      const [width, height] = this.shown.size;
      const fit = Math.min(canvas.width / (width * aspect), canvas.height / height);
      const scale = this.zoom === "fit" ? fit : this.zoom;
      const centre = this.zoom === "fit" || !this.centre ? [width / 2, height / 2] : this.centre;
      const left = Math.round(canvas.width / 2 - centre[0] * scale * aspect);
      const top = Math.round(canvas.height / 2 - centre[1] * scale);
      return { scale, left, top, across: scale * aspect, ratio };
    },
    draw() {
      const box = this.$refs.box, canvas = this.$refs.canvas;
      if (!box || !this.shown) return;
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round(box.clientWidth * ratio), height = Math.round(box.clientHeight * ratio);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const pen = canvas.getContext("2d", { willReadFrequently: true }), at = this.layout();
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.fillStyle = BACKGROUND;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.imageSmoothingEnabled = at.scale < 1 || at.across !== at.scale;
      pen.imageSmoothingQuality = "high";
      const [first, second] = Object.values(this.images);
      this.paint(pen, at, first, 0, second ? this.wipe : 1);
      if (second) this.paint(pen, at, second, this.wipe, 1);
      if (this.outlines) this.shown.faces.forEach((face) => this.outline(pen, at, face));
      if (second) this.wipeLine(pen, at);
      this.$refs.sample.textContent = this.zoomText();
      box.dataset.place = JSON.stringify([at.left, at.top, at.scale]); // canvas pixel of the plate's corner
    },
    paint(pen, at, image, from, to) {
      const [x, y] = this.shown.origin, [width, height] = this.shown.size;
      const left = at.left + Math.round(from * width * at.across), right = at.left + Math.round(to * width * at.across);
      pen.save();
      pen.beginPath();
      pen.rect(left, at.top, right - left, height * at.scale);
      pen.clip();
      pen.drawImage(image, at.left + x * at.across, at.top + y * at.scale, image.width * at.across, image.height * at.scale);
      pen.restore();
    },
    outline(pen, at, face) {
      const place = ([x, y]) => [at.left + x * at.across, at.top + y * at.scale];
      const points = face.points.map(place);
      pen.save();
      pen.lineJoin = "round";
      pen.beginPath();
      points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.strokeStyle = "rgba(0, 0, 0, 0.55)";
      pen.lineWidth = 3.5 * at.ratio;
      pen.stroke();
      pen.strokeStyle = face.chosen ? CHOSEN : face.free ? FREE : TAKEN;
      pen.lineWidth = 1.5 * at.ratio;
      if (face.free) pen.setLineDash([5 * at.ratio, 4 * at.ratio]);
      pen.stroke();
      const top = points.reduce((best, point) => (point[1] < best[1] ? point : best));
      pen.font = `${12 * at.ratio}px system-ui, sans-serif`;
      pen.textAlign = "center";
      const text = face.text, y = Math.max(top[1] - 7 * at.ratio, 14 * at.ratio);
      pen.setLineDash([]);
      pen.lineWidth = 3 * at.ratio;
      pen.strokeStyle = "rgba(0, 0, 0, 0.8)";
      pen.strokeText(text, top[0], y);
      pen.fillStyle = face.chosen ? CHOSEN : face.free ? FREE : TAKEN;
      pen.fillText(text, top[0], y);
      pen.restore();
    },
    wipeLine(pen, at) {
      const x = at.left + Math.round(this.wipe * this.shown.size[0] * at.across);
      const top = Math.max(0, at.top), bottom = Math.min(this.$refs.canvas.height, at.top + this.shown.size[1] * at.scale);
      pen.save();
      pen.fillStyle = "rgba(255, 255, 255, 0.85)";
      pen.fillRect(x - 0.5 * at.ratio, top, at.ratio, bottom - top);
      const y = (top + bottom) / 2, r = 6 * at.ratio;
      pen.beginPath();
      pen.arc(x, y, r, 0, 2 * Math.PI);
      pen.fillStyle = "#ffffff";
      pen.fill();
      pen.font = `${11 * at.ratio}px system-ui, sans-serif`;
      pen.fillStyle = "rgba(255, 255, 255, 0.75)";
      pen.textBaseline = "bottom";
      pen.textAlign = "right";
      pen.fillText("plate", x - 8 * at.ratio, bottom - 6 * at.ratio);
      pen.textAlign = "left";
      pen.fillText("beauty", x + 8 * at.ratio, bottom - 6 * at.ratio);
      pen.restore();
    },
    screen(event) {
      const box = this.$refs.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
      return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    },
    plate([x, y]) {
      const at = this.layout();
      return [(x - at.left) / at.across, (y - at.top) / at.scale];
    },
    onDown(event) {
      if (!this.shown || event.button > 1) return;
      const point = this.screen(event), at = this.layout();
      const line = at.left + this.wipe * this.shown.size[0] * at.across;
      const wiping = this.shownView === "wipe" && Math.abs(point[0] - line) < GRAB * at.ratio;
      this.drag = { point, start: this.plate([this.$refs.canvas.width / 2, this.$refs.canvas.height / 2]), wiping, far: false };
      this.$refs.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    },
    onMove(event) {
      if (!this.shown) return;
      const point = this.screen(event);
      if (this.drag) {
        const [dx, dy] = [point[0] - this.drag.point[0], point[1] - this.drag.point[1]], at = this.layout();
        this.drag.far ||= Math.hypot(dx, dy) > CLICK * at.ratio;
        if (this.drag.wiping) this.wipe = Math.min(Math.max((point[0] - at.left) / (this.shown.size[0] * at.across), 0), 1);
        else if (this.drag.far && this.zoom !== "fit")
          this.centre = [this.drag.start[0] - dx / at.across, this.drag.start[1] - dy / at.scale];
        this.draw();
      }
      this.showSample(point);
    },
    onUp(event) {
      const drag = this.drag;
      this.drag = null;
      if (!drag || drag.far || drag.wiping) return;
      const [x, y] = this.plate(this.screen(event));
      this.$emit("pick", { x, y });
    },
    onWheel(event) {
      if (!this.shown) return;
      event.preventDefault();
      const point = this.screen(event), before = this.plate(point), at = this.layout();
      const scale = Math.min(Math.max(at.scale * Math.exp(-event.deltaY * 0.0015), 0.05), 16);
      const canvas = this.$refs.canvas, across = scale * this.shown.aspect;
      this.zoom = scale;
      this.centre = [before[0] + (canvas.width / 2 - point[0]) / across, before[1] + (canvas.height / 2 - point[1]) / scale];
      this.draw();
      this.showSample(point);
    },
    onKey(event) {
      const undo = (event.ctrlKey || event.metaKey) && event.key === "z";
      if ((event.ctrlKey || event.metaKey || event.altKey) && !undo) return;
      if (event.target.closest("input, textarea, select, .q-menu, .q-dialog, [contenteditable=true]")) return;
      if (event.target.closest(".q-slider") && event.key.startsWith("Arrow")) return;
      const key = undo ? "undo" : event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
      if (key.startsWith("Arrow") || key.startsWith("Shift+Arrow")) event.preventDefault();
      this.$emit("shortcut", key);
    },
    zoomText() {
      return this.shown ? `${Math.round(this.layout().scale * 100)} %` : "";
    },
    showSample(point) {
      const [x, y] = this.plate(point).map(Math.floor), [left, top] = this.shown.origin;
      const names = Object.keys(this.images);
      const name = names.length > 1 && x < this.wipe * this.shown.size[0] ? names[0] : names[names.length - 1];
      const image = this.images[name];
      const inside = image && x >= left && y >= top && x < left + image.width && y < top + image.height;
      if (!inside) return void (this.$refs.sample.textContent = this.zoomText());
      const value = this.pixelsOf(name).getImageData(x - left, y - top, 1, 1).data;
      const codes = [...value.slice(0, 3)].map((code) => (code / 255).toFixed(3)).join("  ");
      this.$refs.sample.textContent = `${name}   x ${x}  y ${y}   ${codes}   ${this.zoomText()}`;
    },
    pixelsOf(name) {
      if (!this.pixels[name]) {
        const image = this.images[name];
        const canvas = new OffscreenCanvas(image.width, image.height);
        this.pixels[name] = canvas.getContext("2d", { willReadFrequently: true });
        this.pixels[name].drawImage(image, 0, 0);
      }
      return this.pixels[name];
    },
  },
};
